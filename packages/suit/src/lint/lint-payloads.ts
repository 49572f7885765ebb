/** Rules about where payloads come from: URIs, and what travels inside the envelope; and about urgency. */

import { shown } from '@lapel/cbor';
import { digest, equalInConstantTime } from '@lapel/cose';
import { knownDigest } from '../digest.ts';
import { SuitError } from '../reason.ts';
import type { Parameters } from '../manifest.ts';
import type { Findings, Place } from './finding.ts';
import type { Subject } from './subject.ts';
import type { Visit } from './walk-through.ts';
import { walkThrough } from './walk-through.ts';
import { everyNode } from './subject.ts';

export function lintPayloads(subject: Subject, findings: Findings): void {
  const fetched = new Set<string>();
  let hasPriority = false;
  for (const nodes of Object.values(subject.sections)) {
    for (const { sets, place } of everyNode(nodes)) {
      for (const { parameters } of sets) {
        hasPriority ||= parameters.updatePriority !== undefined;
        if (parameters.uri === undefined) continue;
        fetched.add(parameters.uri);
        lintUri(parameters.uri, place, subject, findings);
      }
    }
  }
  for (const name of subject.envelope.payloads.keys()) {
    if (fetched.has(name)) continue;
    findings.add(
      'integrated-unused',
      { where: 'envelope' },
      `expected ${shown(name)} to be fetched, found it not`,
    );
  }
  lintIntegrated(subject, findings);
  if (!hasPriority) {
    findings.add('no-priority', { where: 'manifest' }, 'expected an update-priority, found none');
  }
}

function lintUri(uri: string, place: Place, { envelope }: Subject, findings: Findings): void {
  // §7.5: what is in the envelope needs no network.
  if (envelope.payloads.has(uri)) return;
  if (uri.startsWith('#')) {
    findings.add('integrated-missing', place, `expected ${shown(uri)} in the envelope, found none`);
    return;
  }
  const scheme = /^(?<scheme>[a-z][a-z\d+.-]*):/i.exec(uri)?.groups?.['scheme']?.toLowerCase();
  if (scheme !== undefined && local.has(scheme)) {
    findings.add('uri-scheme', place, `expected a URI that leads over a network, found ${shown(uri)}`);
    return;
  }
  const authority = /^(?:[a-z][a-z\d+.-]*:)?\/\/(?<authority>[^/?#]*)/i.exec(uri)?.groups?.['authority'];
  if (authority === undefined) return;
  if (authority.includes('@')) {
    findings.add('uri-credentials', place, 'expected a URI without a user, found one with it');
  }
  const host = hostOf(authority);
  if (host === undefined) {
    findings.add('uri-host', place, `expected a host in ${shown(uri)}, found none`);
  } else if (isNear(host)) {
    findings.add('uri-host', place, `expected a server that devices can reach, found ${host}`);
  }
}

const local: ReadonlySet<string> = new Set(['file', 'data', 'javascript', 'blob', 'about', 'urn', 'unix']);

/** As a browser reads it, so that 2130706433, 0x7f.1 and 127.0.0.1 are one. */
function hostOf(authority: string): string | undefined {
  const url = URL.parse(`http://${authority}`);
  return url === null || url.hostname === '' ? undefined : url.hostname.replace(/\.$/, '');
}

/** Loopback, link-local, and the metadata services of clouds. */
function isNear(host: string): boolean {
  if (/(?:^|\.)localhost$/.test(host) || /^metadata(?:\.google\.internal|\.goog)?$/.test(host)) return true;
  if (/^(?:127|0|169\.254)\./.test(host) || host === '100.100.100.200') return true;
  // IPv4 in IPv6 is written as two groups: ::ffff:7f00:1.
  return /^\[(?:::1?|fe[89ab][\da-f]:.*|fd00:ec2::254|::ffff:(?:7f|a9fe)[\da-f]*:.*)\]$/.test(host);
}

/** Each payload inside against the digest that its component has when it is fetched. */
function lintIntegrated(subject: Subject, findings: Findings): void {
  const { payloads } = subject.envelope;
  if (payloads.size === 0) return;
  const last = new Map<number, Parameters>();
  const dependencies = new Set(subject.dependencies);
  const visits = walkThrough(subject, 'update');
  const ambiguous = ambiguousIn(visits);
  // However often a payload is fetched, it is hashed once.
  const seen = new Set<string>();
  for (const { node, component } of visits) {
    for (const { index = component, parameters } of node.sets) {
      last.set(index, { ...last.get(index), ...parameters });
    }
    if (node.command.name !== 'directive-fetch') continue;
    const { uri = '', imageDigest, encryptionInfo, fetchArguments } = last.get(component) ?? {};
    const content = payloads.get(uri);
    // What is packed or encrypted is not yet the image; a dependency's digest is of its manifest.
    const isOther =
      encryptionInfo !== undefined || fetchArguments !== undefined || dependencies.has(component);
    if (content === undefined || imageDigest === undefined || isOther || ambiguous.has(component)) continue;
    if (seen.has(`${component} ${uri}`)) continue;
    seen.add(`${component} ${uri}`);
    try {
      const { algorithm, bytes } = knownDigest('setup', imageDigest);
      if (equalInConstantTime(digest(algorithm, content), bytes)) continue;
      findings.add('integrated-digest', node.place, `expected ${shown(uri)} to be the image, found another`);
    } catch (error) {
      if (!(error instanceof SuitError)) throw error;
    }
  }
}

/** Components that have several digests, one for each alternative: which one counts, a device decides. */
function ambiguousIn(visits: readonly Visit[]): ReadonlySet<number> {
  const digests = new Map<number, Set<string>>();
  for (const { node, component } of visits) {
    for (const { index = component, parameters } of node.sets) {
      if (parameters.imageDigest === undefined) continue;
      const known = digests.get(index) ?? new Set();
      digests.set(index, known.add(String(parameters.imageDigest[1])));
    }
  }
  return new Set([...digests].flatMap(([component, all]) => (all.size > 1 ? [component] : [])));
}
