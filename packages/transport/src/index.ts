/**
 * How what is said travels. One exchange has one shape, `Handler = (request) => Promise<response>`, whatever
 * carries it: a server, a client, a gateway and a bad radio link are all Handlers. HTTP is here; CoAP is
 * beside it, in `@lapel/transport/coap`.
 *
 * Serving: `routes` makes a Handler of a table of resources, `bearer` proves who asks, `serveHttp` or
 * `httpListener` put it on the network. Asking: `httpClient` is a Handler; `request` makes what it takes.
 * Failures: a `Problem` is the caller's, a `TransportError` the network's.
 */
export { bytesBody, collect, discard, emptyBody, wholeBytes } from './body.ts';
export type { BytesBody } from './body.ts';
export { bearer, requireRole } from './bearer.ts';
export type { Body, Handler, Method, Peer, ProvenSender, Request, Response, Status } from './exchange.ts';
export { httpClient, httpClientDefaults } from './http-client.ts';
export type { HttpClientOptions } from './http-client.ts';
export { httpListener } from './http-listener.ts';
export type { HttpListener, HttpListenerOptions } from './http-listener.ts';
export { PortInUse, httpServerLimits, serveHttp, serveListener } from './http-server.ts';
export type { HttpServer, HttpServerLimits, ServeHttpOptions, ServeTls } from './http-server.ts';
export { httpToStatus, statusToHttp } from './http-status.ts';
export { originOf } from './origin.ts';
export { Problem, codeOfStatus, problemMediaType, problemResponse, readProblem } from './problem.ts';
export type { ProblemCode } from './problem.ts';
export { receive, request } from './request.ts';
export { routes } from './routes.ts';
export type { RouteHandler, RouteParameters, RoutesOptions } from './routes.ts';
export { systemClock, systemRandom } from './system.ts';
export type { Clock, Random } from './system.ts';
export { TransportError } from './transport-error.ts';
export type { TransportErrorKind } from './transport-error.ts';
export { withDeadline } from './within-deadline.ts';
