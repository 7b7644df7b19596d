import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withPick } from '../../src/photos/metadata/sidecar.ts';

const home = mkdtempSync(join(tmpdir(), 'curate-sidecar-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** As darktable writes them, with an edit, keywords and a comment. */
const DARKTABLE = `<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <!-- mine & <yours> -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:darktable="http://darktable.sf.net/"
   exif:GPSLatitude="48,8.5N"
   xmp:Rating="0"
   darktable:xmp_version="5"
   darktable:history_end="1">
   <dc:subject><rdf:Bag><rdf:li>Füße &amp; Katzen</rdf:li><rdf:li>a  b</rdf:li></rdf:Bag></dc:subject>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">&lt;Titel&gt;</rdf:li></rdf:Alt></dc:title>
   <darktable:history><rdf:Seq><rdf:li darktable:num="0" darktable:operation="exposure" darktable:params="gz09eJxj"/></rdf:Seq></darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
`;
/** As Lightroom writes them, in a packet with room behind, and with another prefix for what everybody calls xmp. */
const LIGHTROOM = `\uFEFF<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xap="http://ns.adobe.com/xap/1.0/" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.35">
<xap:Label>Green</xap:Label></rdf:Description></rdf:RDF></x:xmpmeta>
${' '.repeat(200)}
<?xpacket end="w"?>`;
const rated = (rating: string): string => DARKTABLE.replace('xmp:Rating="0"', `xmp:Rating="${rating}"`);

const exiftool = spawnSync('exiftool', ['-ver']).status === 0;
/** All that exiftool finds in a sidecar. */
function read(text: string): Record<string, unknown> {
  const file = join(home, 'a.xmp');
  writeFileSync(file, text);
  const [found] = JSON.parse(execFileSync('exiftool', ['-j', '-G1', '-struct', '-XMP:all', file]).toString());
  const { SourceFile: _, ...all } = found;
  return all;
}

describe('a sidecar with a pick', () => {
  it('keeps everything else to the letter around the properties that it sets', async () => {
    const merged = await withPick(DARKTABLE, { rating: 5 });
    for (const kept of [
      '<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta',
      '<!-- mine & <yours> -->',
      'exif:GPSLatitude="48,8.5N"',
      '<rdf:li>Füße &amp; Katzen</rdf:li><rdf:li>a  b</rdf:li>',
      '<rdf:li xml:lang="x-default">&lt;Titel&gt;</rdf:li>',
      'darktable:params="gz09eJxj"',
    ]) {
      expect(merged).toContain(kept);
    }
    expect(merged).toContain('xmp:Rating="5"');
    expect(merged?.match(/Rating/g)).toHaveLength(1);
    const packet = await withPick(LIGHTROOM, { rating: 4 });
    const until = '<x:xmpmeta';
    expect(packet?.slice(0, packet.indexOf(until))).toBe(LIGHTROOM.slice(0, LIGHTROOM.indexOf(until)));
    expect(packet?.endsWith(`${' '.repeat(200)}\n<?xpacket end="w"?>`)).toBe(true);
    expect(packet).toContain('xap:Rating="4"');
  });

  it('writes a carriage return that stood as a reference as one again: as itself it would be read as a line feed', async () => {
    const poem = rated('0').replace('<rdf:Description', '<rdf:Description xmlns:a="urn:a" a:poem="one&#xD;&#xA;two"');
    expect(await withPick(poem, { rating: 5 })).toContain('a:poem="one&#13;&#10;two"');
    const element = (inner: string): string =>
      `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""><p xmlns="urn:a">${inner}</p></rdf:Description></rdf:RDF>`;
    expect(await withPick(element('one&#xD;two'), { rating: 5 })).toContain('>one&#13;two<');
  });

  it('leaves the stars and flags that a person gave', async () => {
    expect(await withPick(rated('3'), { rating: 5 })).toContain('xmp:Rating="3"');
    expect(await withPick(rated('-1'), { rating: 5 })).toBeNull();
    expect(await withPick(DARKTABLE, { rating: null })).toContain('xmp:Rating="0"');
    const once = await withPick(DARKTABLE, { rating: 5 });
    expect(await withPick(once, { rating: 4 })).toBeNull();
  });

  it('refuses what is no XMP', async () => {
    for (const text of ['', 'stars: 5', '<x:xmpmeta', DARKTABLE.slice(0, 500), DARKTABLE.replace('</rdf:Bag>', '')]) {
      await expect(withPick(text, { rating: 5 })).rejects.toThrow(/sidecar/);
    }
    await expect(withPick(`<!DOCTYPE x [<!ENTITY a "b">]>${DARKTABLE}`, { rating: 5 })).rejects.toThrow('no plain XMP');
  });

  it.skipIf(!exiftool)('is read by exiftool, which finds all that was there before', async () => {
    const pick = { 'XMP-xmpDM:Pick': 1, 'XMP-digiKam:PickLabel': 3 };
    expect(read((await withPick(null, { rating: 5 })) ?? '')).toEqual({
      'XMP-x:XMPToolkit': 'curate',
      'XMP-xmp:Rating': 5,
      ...pick,
    });
    for (const text of [DARKTABLE, LIGHTROOM]) {
      expect(read((await withPick(text, { rating: 4 })) ?? '')).toEqual({
        ...read(text),
        'XMP-xmp:Rating': 4,
        ...pick,
      });
    }
  });
});
