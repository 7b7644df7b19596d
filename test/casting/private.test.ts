import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { privateBy, type ReadRules } from '../../src/casting/private.ts';

const none = { patterns: [], roots: [], home: '/home/me' };

function disk(files: Record<string, string | 'unreadable'>): ReadRules {
  return (folder) => {
    const text = files[folder];
    if (text === undefined) return null;
    return text === 'unreadable' ? 'unreadable' : { text };
  };
}

describe('privateBy', () => {
  it('finds nothing private where nothing was marked', () => {
    expect(privateBy('/photos/a.jpg', none, disk({}))).toBeNull();
  });

  it('names the rule file that speaks', () => {
    const read = disk({ '/photos': 'kids/\n*.tif\n' });
    expect(privateBy('/photos/kids/2024/a.jpg', none, read)).toBe('/photos/.curateprivate');
    expect(privateBy('/photos/x/scan.tif', none, read)).toBe('/photos/.curateprivate');
    expect(privateBy('/photos/x/kids.jpg', none, read)).toBeNull();
  });

  it('lets a deeper file have the last word, as gitignore does', () => {
    const read = disk({ '/p': '*.jpg', '/p/open': '!*.jpg' });
    expect(privateBy('/p/open/a.jpg', none, read)).toBeNull();
    expect(privateBy('/p/shut/a.jpg', none, read)).not.toBeNull();
  });

  it('keeps everything below a private folder private, whatever a file in it says', () => {
    const read = disk({ '/p': 'shut/', '/p/shut': '!*' });
    expect(privateBy('/p/shut/a.jpg', none, read)).not.toBeNull();
  });

  it('takes an empty file, and one that cannot be read, for the whole folder', () => {
    expect(privateBy('/p/a/b.jpg', none, disk({ '/p': '\n' }))).not.toBeNull();
    expect(privateBy('/p/a/b.jpg', none, disk({ '/p/a': 'unreadable' }))).not.toBeNull();
    expect(privateBy('/p/c/b.jpg', none, disk({ '/p/a': 'unreadable' }))).toBeNull();
  });

  it.each(['# my family', '# a\n\n  \n#b\n', '\ufeff# a'])(
    'takes %j, in which no pattern is, for the whole folder',
    (text) => {
      expect(privateBy('/p/a/b.jpg', none, disk({ '/p': text }))).not.toBeNull();
    },
  );

  it.each([
    './Family/',
    'Family\\',
    '"Family/"',
    "'Family'",
    '  Family/',
    '.\\Family\\',
    '\u201cFamily/\u201d',
    'Family/\r',
  ])('takes %j for the folder that is meant, in a file and in the setting', (line) => {
    expect(privateBy('/p/Family/a.jpg', none, disk({ '/p': `*.tif\n${line}\n` }))).not.toBeNull();
    expect(privateBy('/p/other/a.jpg', none, disk({ '/p': `*.tif\n${line}\n` }))).toBeNull();
    const settings = { ...none, roots: ['/p'], patterns: [line.trim()] };
    expect(privateBy('/p/x/Family/a.jpg', settings, disk({}))).not.toBeNull();
    expect(privateBy('/p/other/a.jpg', settings, disk({}))).toBeNull();
  });

  it("keeps gitignore's own meaning of a backslash and of an exception", () => {
    expect(privateBy('/p/#1/a.jpg', none, disk({ '/p': '\\#1/' }))).not.toBeNull();
    expect(privateBy('/p/x/a*b.jpg', none, disk({ '/p': 'a\\*b.jpg' }))).not.toBeNull();
    expect(privateBy('/p/a.jpg', none, disk({ '/p': '*\n!a.jpg' }))).toBeNull();
  });

  it('matches letters in either case and either Unicode form', () => {
    const read = disk({ '/p': 'K\u00fcche/' });
    expect(privateBy('/p/Ku\u0308che/a.jpg', none, read)).not.toBeNull();
    expect(privateBy('/p/k\u00fcche/a.jpg', none, read)).not.toBeNull();
  });

  it('reads a rule file in a folder whose name is decomposed', () => {
    expect(privateBy('/p/Ku\u0308che/a.jpg', none, disk({ '/p/Ku\u0308che': '*' }))).not.toBeNull();
  });

  it.each([
    ['Family/', '/photos/2020/family/a.jpg', true],
    ['albums/secret', '/photos/old/albums/secret/a.jpg', true],
    ['/photos/2020', '/photos/2020/a.jpg', true],
    ['/2020', '/photos/2020/a.jpg', true],
    ['~/pics', '/home/me/pics/a.jpg', true],
    ['photos', '/photos/2020/a.jpg', false],
    ['*.png', '/photos/2020/a.jpg', false],
  ])('takes the setting %s for %s: %s', (pattern, file, expected) => {
    const settings = { patterns: [pattern], roots: ['/photos'], home: '/home/me' };
    expect(privateBy(file, settings, disk({})) !== null).toBe(expected);
  });

  it('means by a slash in front the root, or that of the photo\u2019s own library, not of one beside it', () => {
    const settings = { ...none, roots: ['/photos/2020', '/photos/2021'], patterns: ['/secret'] };
    expect(privateBy('/photos/2020/secret/a.jpg', settings, disk({}))).not.toBeNull();
    expect(privateBy('/photos/misc/secret/a.jpg', settings, disk({}))).toBeNull();
  });

  it('holds the setting against photos outside every library, too', () => {
    expect(privateBy('/elsewhere/family/a.jpg', { ...none, patterns: ['family'] }, disk({}))).not.toBeNull();
  });

  it('holds for every photo below a marked folder, however deep', () => {
    const name = fc.stringMatching(/^[a-z0-9 ._-]{1,12}$/).filter((text) => !/^\.+$|\s$|^\s/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 2, maxLength: 6 }), fc.nat(5), (names, at) => {
        const depth = Math.min(at, names.length - 1);
        const folder = `/${names.slice(0, depth).join('/')}`;
        expect(privateBy(`/${names.join('/')}`, none, disk({ [folder]: '*' }))).not.toBeNull();
      }),
    );
  });
});
