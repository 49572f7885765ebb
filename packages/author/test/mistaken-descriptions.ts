/** Descriptions that are wrong, each with the message that says how to mend it. */

export const minimal = `sequence: 7
vendor: lapel.example
class: lamp
component: main
image: lamp.bin
`;

/** What is wrong, and the message that says how to mend it. */
export const mistakes: readonly (readonly [what: string, text: string, message: string])[] = [
  [
    'a misspelt key',
    minimal.replace('image:', 'imgae:'),
    'd.yaml:5: expected a key that a description has, found "imgae"; did you mean image?',
  ],
  [
    'a key in another spelling',
    `${minimal}reference-uri: x\n`,
    'd.yaml:6: expected a key that a description has, found "reference-uri"; did you mean referenceUri?',
  ],
  [
    'a missing key',
    minimal.replace(/vendor.*\n/, ''),
    'd.yaml:1: expected the key vendor, such as vendor: lapel.example, found none',
  ],
  [
    'a negative sequence number',
    minimal.replace('7', '-1'),
    'd.yaml:1: expected sequence (or the word now) to be a whole number from 0, found -1',
  ],
  ['an empty value', minimal.replace('lamp.bin', ''), 'd.yaml:5: expected image to be a text, found nothing'],
  [
    'two sources of a payload',
    `${minimal}uri: http://x.example/\nintegrated: true\n`,
    'd.yaml:6: expected one of uri, integrated and present, found uri as a second one',
  ],
  [
    'a difference that is to be compressed, too',
    `${minimal}compress: true\ndeltaFrom: old.bin\n`,
    'd.yaml:7: expected one of compress and deltaFrom, found both: a difference is always compressed',
  ],
  [
    'an image in the envelope that is to be compressed',
    `${minimal}integrated: true\ncompress: true\n`,
    'd.yaml:7: expected compress for an image that is downloaded, found integrated: true beside it',
  ],
  [
    'a difference to an image that is not downloaded',
    `${minimal}present: true\ndeltaFrom: old.bin\n`,
    'd.yaml:7: expected deltaFrom for an image that is downloaded, found present: true beside it',
  ],
  [
    'a difference that is staged where its precursor is not',
    `${minimal}deltaFrom: old.bin\nstaging: outside\n`,
    'd.yaml:6: expected deltaFrom for an image that is fetched into its component, found staging beside it',
  ],
  [
    'a ciphertext that is decrypted on no way',
    `${minimal}encryptFor: [lamp.key]\n`,
    'd.yaml:6: expected staging, where the ciphertext is downloaded to, or integrated: true, found neither',
  ],
  [
    'a ciphertext beside slots',
    `${minimal.replace(/image.*\n/, '')}encryptFor: [a.key]\nslots: [{ image: a.bin }, { image: b.bin }]\n`,
    'd.yaml:5: expected encryptFor with one image, found slots',
  ],
  [
    'an encryption for nobody',
    `${minimal}encryption: A128GCM\n`,
    'd.yaml:6: expected encryptFor beside encryption, found none',
  ],
  [
    'an encryption that nobody knows',
    `${minimal}staging: outside\nencryptFor: [lamp.key]\nencryption: ROT13\n`,
    'd.yaml:8: expected one of A128GCM, A192GCM, A256GCM, ChaCha20/Poly1305, A128CTR, A192CTR, A256CTR, ' +
      'found "ROT13"',
  ],
  [
    'a difference beside slots',
    `${minimal.replace(/image.*\n/, '')}deltaFrom: old.bin\nslots: [{ image: a.bin }, { image: b.bin }]\n`,
    'd.yaml:5: expected deltaFrom inside one of slots, found it beside them',
  ],
  [
    'bytes that are none',
    minimal.replace('main', "h'0'"),
    "d.yaml:4: expected a part of an identifier of at most 256 bytes, found h'0'",
  ],
  [
    'an unknown severable element',
    `${minimal}severable: [invoke]\n`,
    'd.yaml:6: expected one of payloadFetch, install, text, coswid, dependencyResolution, ' +
      'candidateVerification, found "invoke"',
  ],
  [
    'a staging area that is the component itself',
    `${minimal}staging: main\n`,
    'd.yaml:1: expected each component once, found 6d61696e (hexadecimal) again',
  ],
  [
    'one slot only',
    `${minimal.replace(/image.*\n/, '')}slots: [{ image: a.bin }]\n`,
    'd.yaml:5: expected 2 to 16 items in slots, found 1',
  ],
  [
    'a slot named twice',
    `${minimal.replace(/image.*\n/, '')}slots:\n  - { image: a, slot: 1 }\n  - { image: b }\n`,
    'd.yaml:7: expected each slot once, found 1 again',
  ],
  [
    'no language',
    `${minimal}text: { 'e n': {} }\n`,
    'd.yaml:6: expected each key of text to be a language tag such as en or de-AT, found "e n"',
  ],
  ['an alias', `${minimal}text: *x\n`, 'd.yaml:6: expected text to be a map of keys, found an alias'],
  ['a key twice', `${minimal}class: bulb\n`, 'd.yaml:6: expected YAML or JSON, found a mistake in it'],
  [
    'a version that is none',
    `${minimal}setVersion: 1.2-dev\n`,
    'd.yaml:6: expected setVersion to be a version such as 1.2.3 or 1.2-rc.1, found "1.2-dev"',
  ],
  [
    'a required version without a comparison',
    `${minimal}requires: 1.2\n`,
    'd.yaml:6: expected requires to be one of > >= = <= < and a version, such as ">=1.2", found "1.2"',
  ],
  [
    'a day that no month has',
    `${minimal}useBefore: 2027-02-31\n`,
    'd.yaml:6: expected useBefore to be a time such as 2027-01-31, 2027-01-31T12:00Z or seconds since 1970',
  ],
  [
    'a time without a zone',
    `${minimal}useBefore: 2027-02-01T12:00\n`,
    'd.yaml:6: expected useBefore to be a time such as 2027-01-31, 2027-01-31T12:00Z or seconds since 1970',
  ],
  [
    'a wait for nothing',
    `${minimal}waitFor: {}\n`,
    'd.yaml:6: expected one or more of authorization, power, network, otherDevice, time, timeOfDay,',
  ],
  [
    'an hour that no day has',
    `${minimal}waitFor:\n  timeOfDayUtc: 24:00\n`,
    'd.yaml:7: expected timeOfDayUtc to be a time such as 02:30, found "24:00"',
  ],
  [
    'an exchange with what was not staged',
    `${minimal}swap: true\n`,
    'd.yaml:6: expected staging beside swap, found none',
  ],
  [
    'arguments for an image that is not invoked',
    `${minimal}invokeArguments: fast\n`,
    'd.yaml:6: expected bootable: true beside invokeArguments, found none',
  ],
  [
    'a permission that there is none of',
    `${minimal}metadata: { permissions: [fly] }\n`,
    'd.yaml:6: expected one of traverse_exec, create_write, list_read, createdir_append, read_attr,',
  ],
  [
    'permissions of more bits than there are',
    `${minimal}metadata: { permissions: 16384 }\n`,
    'd.yaml:6: expected permissions to be at most 16383, found 16384',
  ],
  [
    'a usage description that anybody on the way could change',
    `${minimal}mud: { url: "http://x.example/", signer: mud.pem }\n`,
    'd.yaml:6: expected url to be an https URL, found "http://x.example/"',
  ],
  [
    'a dependency without its envelope',
    `${minimal}dependencies:\n  - id: shelf\n`,
    'd.yaml:7: expected the key envelope, such as envelope: radio.suit, found none',
  ],
  [
    'a dependency where the component is',
    `${minimal}dependencies: [{ id: main, envelope: d.suit }]\n`,
    'd.yaml:1: expected each component once, found 6d61696e (hexadecimal) again',
  ],
  [
    'a dependency that is encrypted for nobody',
    `${minimal}dependencies: [{ id: shelf, envelope: d.suit, encryption: A128GCM }]\n`,
    'd.yaml:6: expected encryptFor beside encryption, found none',
  ],
  [
    'an enterprise number that is none',
    minimal.replace('lapel.example', 'pen:32,473'),
    'd.yaml:2: expected an enterprise number such as pen:32473, found pen:32,473',
  ],
  [
    'a candidate that was not staged',
    `${minimal}candidateVerification: true\n`,
    'd.yaml:6: expected candidateVerification for an image that is staged, found none',
  ],
  [
    'a payload of a component that is only looked at',
    `${minimal.replace(/image.*\n/, '')}requires: "=1"\nuri: http://x.example/\n`,
    'd.yaml:6: expected image beside uri, found none',
  ],
  [
    'texts of a component beside several',
    minimal.replace(
      /component(.|\n)*/,
      'text: { en: { vendorName: L } }\ncomponents: [{ id: m, image: i }]\n',
    ),
    'd.yaml:4: expected a key that a text of a manifest has, found "vendorName"; known are',
  ],
  ['a list', '- 1\n', 'd.yaml:1: expected a description to be a map of keys, found a list'],
  ['nothing', '', 'd.yaml:1: expected a description to be a map of keys, found nothing'],
];
