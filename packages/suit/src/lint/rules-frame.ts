/** Rules about what surrounds the commands. */

import { rule } from './rule.ts';

export const frameRules = {
  cddl: rule(
    'error',
    'manifest-37 Appendix A',
    'every element is encoded as the CDDL has it, deterministically',
    'make the manifest again with a tool that follows draft-ietf-suit-manifest-37',
  ),
  'envelope-tag': rule(
    'error',
    'manifest-37 §8.2',
    'an envelope has tag 107',
    'put tag 107 before the envelope',
  ),
  'old-numbering': rule(
    'error',
    'manifest-37 §11',
    'the numbers are those of drafts since -28',
    'make the manifest again with a tool that writes draft -28 or later',
  ),
  'manifest-version': rule(
    'error',
    'manifest-37 §8.4.1',
    'manifest-version is 1',
    'set manifest-version to 1',
  ),
  'unknown-element': rule(
    'error',
    'manifest-37 §8.4',
    'the manifest has known elements only',
    'take the element out, or name the extension that devices need in its place',
  ),
  'not-authenticated': rule(
    'warning',
    'manifest-37 §8.3',
    'an envelope has an authentication block',
    'sign it with lapel sign',
  ),
  'authentication-block': rule(
    'error',
    'manifest-37 §8.3',
    'a block is a tagged COSE_Sign1, COSE_Sign or COSE_Mac0 with a detached payload',
    'sign the envelope again',
  ),
  'manifest-digest': rule(
    'error',
    'manifest-37 §8.3',
    'the digest covers the manifest, the head of its byte string included',
    'make the digest over the whole byte string, and sign again',
  ),
  'digest-algorithm': rule(
    'error',
    'manifest-37 §10',
    'digests are of a known algorithm, and as long as it makes them',
    'use SHA-256, SHA-384, SHA-512 or SHAKE with all of their bytes',
  ),
  'severed-digest': rule(
    'error',
    'manifest-37 §8.6',
    'a severed element is what the manifest holds the digest of, and stands in one place',
    'sever the element again, and sign again',
  ),
  'severed-absent': rule(
    'note',
    'manifest-37 §8.6',
    'severed elements are in the envelope',
    'hand devices the envelope with the element where they shall use it',
  ),
  'component-missing': rule(
    'error',
    'manifest-37 §8.4.5',
    'a manifest names the components that it is for',
    'list the components in common',
  ),
  'component-repeated': rule(
    'error',
    'manifest-37 §8.4.5',
    'each component is listed once',
    'list the component once and use its index',
  ),
  'component-index': rule(
    'error',
    'manifest-37 §8.4.10.1',
    'a component index is that of a listed component',
    'list the component, or use the index of one that is listed',
  ),
  'component-index-first': rule(
    'error',
    'manifest-37 §6.2',
    'with several components each sequence begins with set-component-index',
    'begin the sequence with directive-set-component-index',
  ),
  'vendor-condition': rule(
    'error',
    'manifest-37 §6.2',
    'the shared sequence compares the vendor identifier',
    'set vendor-identifier and add condition-vendor-identifier to the shared sequence',
  ),
  'class-condition': rule(
    'error',
    'manifest-37 §6.2',
    'the shared sequence compares the class identifier',
    'set class-identifier and add condition-class-identifier to the shared sequence',
  ),
  'shared-effect': rule(
    'error',
    'manifest-37 §5.3.2',
    'the shared sequence sets parameters and checks conditions, and does nothing else',
    'move the command to the sequence that it belongs to',
  ),
  'text-component': rule(
    'error',
    'manifest-37 §8.4.4',
    'texts are about listed components',
    'list the component in common, or take its text out',
  ),
  'text-severable': rule(
    'warning',
    'manifest-37 §8.4.4',
    'the text of a manifest for small devices is severable',
    'sever the text',
  ),
  'profile-limit': rule(
    'error',
    'RFC 7228 §3',
    'a manifest fits what its devices can afford',
    'make it smaller, or in several manifests',
  ),
} as const;
