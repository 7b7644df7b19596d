import type { PeerCertificate } from 'node:tls';
import { UserError } from '../../errors.ts';
import { VARIABLES } from '../../settings.ts';
import type { Endpoint } from './endpoint.ts';
import { type Greeting, greet, pageAt } from './handshake.ts';

const { milvusUri: URI, milvusCa: CA, milvusCert: CERT, milvusKey: KEY, milvusServerName: NAME } = VARIABLES;

/**
 * Why a server that cannot be spoken to will not be spoken to later either: TLS is expected where there is none, or
 * the other way round, or one side does not trust the other's certificate. Null when none of this is seen.
 * @param now What certificates that have run out are told by.
 */
export async function whyRefused(endpoint: Endpoint, now: Date): Promise<UserError | null> {
  let greeting = await greet(endpoint);
  // Once may be the network's doing.
  if (greeting.kind === 'ended' || greeting.kind === 'hung up') greeting = await greet(endpoint);
  if (greeting.kind === 'answered' && endpoint.tls !== undefined) return byPage(await pageAt(endpoint), endpoint);
  return endpoint.tls === undefined ? inClear(greeting, endpoint) : byTls(greeting, endpoint, now);
}

/** An address in clear: what matters is whether its port speaks TLS. */
function inClear({ kind }: Greeting, { place }: Endpoint): UserError | null {
  if (kind === 'nothing' || kind === 'clear' || kind === 'hung up') return null;
  const [server = place] = place.split('/');
  return new UserError('store_unreachable', `What answers at ${place} speaks TLS.`, {
    hint: `Write https://${server} in ${URI}; for a certificate of your own authority set ${CA}, too.`,
  });
}

/** nginx takes every client's handshake, and says what it thinks of its certificate on the page that it answers with. */
function byPage(page: string | null, { place }: Endpoint): UserError | null {
  if (page?.includes('No required SSL certificate was sent')) return demandsOurs(ALERT.certificateRequired, place);
  return page?.includes('The SSL certificate error') ? refusesOurs(null, place) : null;
}

function byTls(greeting: Greeting, endpoint: Endpoint, now: Date): UserError | null {
  const { place, tls } = endpoint;
  const shown = tls?.cert !== undefined;
  const [server = place] = place.split('/');
  switch (greeting.kind) {
    case 'clear':
      return new UserError('store_unreachable', `What answers at ${place} does not speak TLS.`, {
        hint: `Write http://${server} in ${URI}, or have whoever runs it switch TLS on.`,
      });
    case 'otherwise':
      return new UserError('store_unreachable', `What answers at ${place} speaks TLS, but not HTTP/2 as Milvus does.`, {
        hint: `Check the port in ${URI}; a proxy that ends TLS for Milvus must have HTTP/2 (gRPC) switched on.`,
      });
    case 'untrusted':
      return untrusted(greeting.code, greeting.certificate, endpoint, now);
    case 'alert':
      return shown ? refusesOurs(greeting.alert, place) : demandsOurs(greeting.alert, place);
    case 'ended':
      return shown ? refusesOurs(null, place) : demandsOurs(null, place);
    case 'hung up':
      return new UserError('store_unreachable', `What answers at ${place} ends the TLS handshake without saying why.`, {
        hint: shown
          ? `It may not take the certificate in ${CERT}: whoever runs it can see why in its log.`
          : `It may demand a certificate of this machine (${CERT} and ${KEY}): whoever runs it can see why in its log.`,
      });
    case 'answered':
    case 'nothing':
      return null;
  }
}

/** Alerts of RFC 8446 that are about the client's certificate; servers from before TLS 1.3 say 40 or 42 when they get none. */
const ALERT = {
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateRevoked: 44,
  certificateExpired: 45,
  certificateUnknown: 46,
  unknownAuthority: 48,
  protocolVersion: 70,
  unrecognizedName: 112,
  certificateRequired: 116,
  noApplicationProtocol: 120,
} as const;

function demandsOurs(alert: number | null, place: string): UserError {
  const other = alert === null ? null : aboutTls(alert, place);
  if (other !== null) return other;
  const sure = alert === ALERT.certificateRequired || alert === ALERT.badCertificate;
  const message = sure
    ? `Milvus at ${place} demands a certificate of this machine.`
    : `Milvus at ${place} ends the TLS handshake; it seems to demand a certificate of this machine.`;
  return new UserError('store_certificate', message, {
    hint: `Set ${CERT} and ${KEY} to the certificate and key (PEM) that whoever runs it made for you.`,
  });
}

function refusesOurs(alert: number | null, place: string): UserError {
  const other = alert === null ? null : aboutTls(alert, place);
  if (other !== null) return other;
  const reasons: Readonly<Record<number, string>> = {
    [ALERT.certificateRevoked]: ': it was revoked',
    [ALERT.certificateExpired]: ': it has run out',
    [ALERT.unknownAuthority]: ': it does not know the authority that issued it',
    [ALERT.unsupportedCertificate]: ': it is not one for clients',
  };
  return new UserError(
    'store_certificate',
    `Milvus at ${place} refuses the certificate in ${CERT}${reasons[alert ?? 0] ?? ''}.`,
    {
      hint: 'Ask whoever runs it for a new one; certificates between it and its authority belong in the same file.',
    },
  );
}

/** Alerts that have nothing to do with a client's certificate. */
function aboutTls(alert: number, place: string): UserError | null {
  const reasons: Readonly<Record<number, readonly [string, string]>> = {
    [ALERT.noApplicationProtocol]: [
      'speaks TLS, but not HTTP/2 as Milvus does',
      `Check the port in ${URI}; a proxy that ends TLS for Milvus must have HTTP/2 (gRPC) switched on.`,
    ],
    [ALERT.unrecognizedName]: [
      'does not know the name it is asked for',
      `Use another of its names in ${URI}, or set ${NAME} to the one in its certificate.`,
    ],
    [ALERT.protocolVersion]: ['speaks only a version of TLS before 1.2', 'Have whoever runs it allow TLS 1.2 or 1.3.'],
  };
  const found = reasons[alert];
  if (found === undefined) return null;
  return new UserError('store_unreachable', `What answers at ${place} ${found[0]}.`, { hint: found[1] });
}

/** The codes of OpenSSL's verification, as Node has them. */
function untrusted(code: string, certificate: PeerCertificate, { place, tls }: Endpoint, now: Date): UserError {
  const its = `The certificate of Milvus at ${place}`;
  const refuse = (message: string, hint: string) => new UserError('store_certificate', message, { hint });
  switch (code) {
    case 'CERT_HAS_EXPIRED': {
      const ranOut = Date.parse(certificate.valid_to);
      const leaf = ranOut < now.getTime();
      return refuse(
        leaf ? `${its} ran out on ${day(ranOut)}.` : `${its} was issued by an authority whose own has run out.`,
        'Have whoever runs the server renew it, and check the date of this machine.',
      );
    }
    case 'CERT_NOT_YET_VALID':
      return refuse(
        `${its} is not valid before ${day(Date.parse(certificate.valid_from))}.`,
        'Check the date of this machine and of the one that made the certificate.',
      );
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return refuse(
        `${its} is signed by itself alone.`,
        tls?.ca === undefined
          ? `If it is the right one, set ${CA} to its file (PEM): whoever runs the server has it.`
          : `The one in ${CA} is another: ask whoever runs the server for the one it has now.`,
      );
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const names = namesIn(certificate);
      const [first] = names;
      return refuse(
        `${its} is for ${names.length === 0 ? 'no host' : names.join(', ')}, not for ${tls?.serverName ?? hostIn(place)}.`,
        first === undefined
          ? 'Have whoever runs the server make one that names it (subjectAltName).'
          : `Use that name in ${URI}${first.startsWith('*') ? '' : `, or set ${NAME}=${first}`}.`,
      );
    }
    default: {
      const { O: organisation, CN: common = organisation } = certificate.issuer ?? {};
      const by = common === undefined ? 'an authority' : `"${[common].flat().join(' ')}"`;
      return refuse(
        `${its} was issued by ${by}, which this machine does not trust${KNOWN.has(code) ? '' : ` (${code})`}.`,
        tls?.ca === undefined
          ? `Set ${CA} to that authority's certificate (PEM): whoever runs the server has it.`
          : `${CA} holds another authority's certificate, or one between them is lacking: ask whoever runs the server.`,
      );
    }
  }
}

const KNOWN = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
]);

const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
const hostIn = (place: string): string => place.replace(/:\d+(\/.*)?$/, '');

/** At most three, as "DNS:nas.lan, IP Address:10.0.0.1" has them; certificates from before it have a common name. */
function namesIn({ subjectaltname, subject }: PeerCertificate): string[] {
  const alternatives = subjectaltname?.split(', ').map((entry) => entry.replace(/^(DNS|IP Address):/, '')) ?? [];
  return (alternatives.length > 0 ? alternatives : [subject?.CN].flat().filter((name) => name !== undefined)).slice(
    0,
    3,
  );
}
