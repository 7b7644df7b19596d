import type { Document, Element } from '@xmldom/xmldom';

const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#';
const XMLNS = 'http://www.w3.org/2000/xmlns/';

interface Property {
  readonly namespace: string;
  readonly prefix: string;
  readonly name: string;
}

/** Stars from 1 to 5 (XMP specification part 2, 1.2.2.1): read by Lightroom, darktable and digiKam alike. */
const RATING: Property = { namespace: 'http://ns.adobe.com/xap/1.0/', prefix: 'xmp', name: 'Rating' };
/** Lightroom's flag: 1 for picked, -1 for rejected. */
const PICK: Property = { namespace: 'http://ns.adobe.com/xmp/1.0/DynamicMedia/', prefix: 'xmpDM', name: 'pick' };
/** digiKam's flag: 1 for rejected, 2 for pending, 3 for accepted. */
const PICK_LABEL: Property = { namespace: 'http://www.digikam.org/ns/1.0/', prefix: 'digiKam', name: 'PickLabel' };

/** What a sidecar is to say of a photo that was picked. */
export interface Pick {
  /** Null leaves stars alone. */
  readonly rating: number | null;
}

/**
 * A sidecar that says of a photo that it was picked. Whatever else it says stays, and so do stars and flags that are there
 * already, because a person gave them; what a person rejected is left alone.
 * @param text The sidecar as it is; null for a new one
 * @returns null when there is nothing to change
 * @throws Error with a clause for people when it is no XMP that can be read
 */
export async function withPick(text: string | null, { rating }: Pick): Promise<string | null> {
  const { DOMParser, XMLSerializer } = await import('@xmldom/xmldom');
  const before = text ?? NEW;
  // Entities that expand have no place in a sidecar, and a parser that expands them could be made to run out of memory.
  if (/<!DOCTYPE/i.test(before)) throw new Error('its sidecar is no plain XMP');
  const { start, end } = packetIn(before);
  let document: Document;
  try {
    const onError = (level: string, message: string): void => {
      if (level !== 'warning') throw new Error(message);
    };
    document = new DOMParser({ onError }).parseFromString(before.slice(start, end), 'application/xml');
  } catch (error) {
    throw new Error('its sidecar is no XMP that can be read', { cause: error });
  }
  const rdf = document.getElementsByTagNameNS(RDF, 'RDF')[0];
  if (rdf === undefined) throw new Error('its sidecar is no XMP that can be read');
  if (isRejected(rdf)) return null;
  const wanted: [Property, string][] = [
    [PICK, '1'],
    [PICK_LABEL, '3'],
  ];
  if (rating !== null) wanted.push([RATING, String(rating)]);
  const changed = wanted.map(([property, value]) => set(rdf, property, value));
  if (!changed.includes(true)) return null;
  // A carriage return that is still there was written as a reference; as itself it would be read as a line feed.
  const after = new XMLSerializer().serializeToString(document).replaceAll('\r', '&#13;');
  return before.slice(0, start) + after + before.slice(end);
}

const NEW = `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="curate">
 <rdf:RDF xmlns:rdf="${RDF}">
  <rdf:Description rdf:about=""/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
`;

/** From where to where the root element goes, so that what stands around it stays to the letter. */
function packetIn(text: string): { readonly start: number; readonly end: number } {
  const root = /<([\w.-]+:)?(xmpmeta|xapmeta|RDF)[\s/>]/.exec(text);
  if (root === null) throw new Error('its sidecar is no XMP that can be read');
  const close = `</${root[1] ?? ''}${root[2]}`;
  const last = text.lastIndexOf(close);
  const end = last === -1 ? -1 : text.indexOf('>', last);
  if (end === -1) throw new Error('its sidecar is cut short');
  return { start: root.index, end: end + 1 };
}

interface Place {
  readonly value: string;
  write(value: string): void;
}

/** Where a property stands: as an attribute or as an element of its own. */
function placeOf(rdf: Element, { namespace, name }: Property): Place | null {
  for (const description of descriptionsIn(rdf)) {
    const attribute = description.getAttributeNodeNS(namespace, name);
    if (attribute !== null) {
      return { value: attribute.value, write: (value) => description.setAttributeNS(namespace, attribute.name, value) };
    }
    const element = elementsIn(description).find((one) => one.namespaceURI === namespace && one.localName === name);
    if (element !== undefined) {
      return {
        value: element.textContent ?? '',
        write: (value) => {
          element.textContent = value;
        },
      };
    }
  }
  return null;
}

/** @returns false when there is a value already, other than "none" */
function set(rdf: Element, property: Property, value: string): boolean {
  const place = placeOf(rdf, property);
  if (place !== null) {
    if (!isNone(place.value)) return false;
    place.write(value);
    return true;
  }
  const into = descriptionsIn(rdf)[0] ?? addedDescription(rdf);
  const known = into.lookupPrefix(property.namespace);
  const prefix = known ?? freePrefix(into, property.prefix);
  if (known === null) into.setAttributeNS(XMLNS, `xmlns:${prefix}`, property.namespace);
  into.setAttributeNS(property.namespace, `${prefix}:${property.name}`, value);
  return true;
}

function addedDescription(rdf: Element): Element {
  const prefix = rdf.prefix ?? 'rdf';
  const description = (rdf.ownerDocument as Document).createElementNS(RDF, `${prefix}:Description`);
  description.setAttributeNS(RDF, `${prefix}:about`, '');
  rdf.appendChild(description);
  return description;
}

function descriptionsIn(rdf: Element): Element[] {
  return elementsIn(rdf).filter(({ namespaceURI, localName }) => namespaceURI === RDF && localName === 'Description');
}

function elementsIn(parent: Element): Element[] {
  return Array.from(parent.childNodes).filter((node): node is Element => node.nodeType === parent.nodeType);
}

function isRejected(rdf: Element): boolean {
  const value = (property: Property): number => Number(placeOf(rdf, property)?.value ?? 0);
  return value(RATING) === -1 || value(PICK) === -1 || value(PICK_LABEL) === 1;
}

/** Without stars, or without a flag. */
function isNone(value: string): boolean {
  return value.trim() === '' || Number(value) === 0;
}

function freePrefix(element: Element, prefix: string): string {
  for (let n = 0; ; n += 1) {
    const tried = n === 0 ? prefix : `${prefix}${n}`;
    if (element.lookupNamespaceURI(tried) === null) return tried;
  }
}
