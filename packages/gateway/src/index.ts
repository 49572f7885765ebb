/**
 * A gateway: a firmware server with an upstream and a memory (RFC 9019 §3.2), near the devices. It keeps what
 * they fetch, passes on what they say, and is trusted with neither: content is proven by its name and by the
 * device, reports by their signatures. Whoever runs a network puts one into it without anybody's signature.
 *
 * `openGateway` makes one Handler over a folder and the servers upstream; its caller serves it, by HTTP, CoAP
 * or both, and announces it.
 */
export type { Upstream } from './cache/obtain.ts';
export { announce, announcedByDnsSd } from './discovery/dns-sd.ts';
export type { Announced, DnsSdOptions } from './discovery/dns-sd.ts';
export { findPlaces, linksAt, linksInDirectory, linksOfGroup } from './discovery/find.ts';
export type { Finder, Finding } from './discovery/find.ts';
export { keepRegistered } from './discovery/register.ts';
export type { RegisteringOptions } from './discovery/register.ts';
export { cacheBytesDefault, openGateway } from './gateway.ts';
export type { Gateway, GatewayOptions, GatewayStanding } from './gateway.ts';
export { createGuard } from './guard.ts';
export type { Guard, GuardOptions, Resolver } from './guard.ts';
export { openNeighbours } from './neighbours.ts';
export type { Neighbours, NeighboursOptions } from './neighbours.ts';
export { FolderInUse } from './oscore-numbers.ts';
export { outboxLimits } from './outbox.ts';
export type { OutboxLimits } from './outbox.ts';
