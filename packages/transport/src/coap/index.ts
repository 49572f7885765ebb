/**
 * CoAP (RFC 7252) as a binding of the one `Handler`: `coapClient` is one, `serveCoap` puts one on the
 * network. Below them, each layer is a function from what carries contents to what carries contents: blocks
 * (RFC 7959), proof of addresses (RFC 9175), messages that arrive (RFC 7252 §4) over `Datagrams`. So a test,
 * or a radio of another kind, brings datagrams of its own.
 */
export { blockClient } from './block-client.ts';
export { blockServer, blockServerLimits } from './block-server.ts';
export type { BlockServerLimits } from './block-server.ts';
export type { Answer, Ask, Burst, Carrier, OpenBurst, Respond, Sender, Watch } from './carrier.ts';
export { codeText, methodCodes, responseCodes } from './code.ts';
export { coapClient, coapClientOver } from './coap-client.ts';
export type { CoapClient, CoapClientOptions, Connection } from './coap-client.ts';
export { serveCoap, serveCoapOver } from './coap-server.ts';
export type { CoapServer, ServeCoapOptions, UdpCoapServer } from './coap-server.ts';
export { coapToStatus, statusToCoap } from './coap-status.ts';
export { formatToMediaType, mediaTypeToFormat } from './content-format.ts';
export type { Datagrams } from './datagrams.ts';
export { createEndpoint, endpointLimits } from './endpoint.ts';
export type { Endpoint, EndpointLimits, EndpointOptions } from './endpoint.ts';
export { answerLinks, attributeOf, filterLinks, linkFormat, readLinks, writeLinks } from './link-format.ts';
export type { Link } from './link-format.ts';
export { MessageError, decodeMessage, encodeMessage, inOrder, messageTypes } from './message.ts';
export type { Content, Message } from './message.ts';
export { messageNumbers } from './message-numbers.ts';
export { groupClient, serveGroup } from './multicast.ts';
export type { GroupAnswer, GroupClient, GroupClientOptions, GroupServerOptions } from './multicast.ts';
export { isNewer } from './notifications.ts';
export { observedOnce } from './observed-once.ts';
export { subscribing } from './observe-client.ts';
export { subscribeByWaiting } from './observe-server.ts';
export type { Subscribe } from './observe-server.ts';
export { option, optionTable, optionValue, text, uint, uintOption, understood } from './option.ts';
export type { Option, OptionName } from './option.ts';
export { oscoreClient, oscoreServer } from './oscore.ts';
export type { FindContext, OscoreServerOptions } from './oscore.ts';
export {
  contextName,
  openRequest,
  openResponse,
  oscoreContext,
  protectRequest,
  protectResponse,
  secretOf,
} from './oscore-context.ts';
export type { OscoreContext, OscoreContextOptions } from './oscore-context.ts';
export { deriveKeys, nonceOf } from './oscore-keys.ts';
export type { OscoreSecret } from './oscore-keys.ts';
export { decodeOscoreOption, encodeOscoreOption } from './oscore-option.ts';
export { leastNumber, senderSequence } from './oscore-sequence.ts';
export type { SequenceStore } from './oscore-sequence.ts';
export { forOrigin, mappedFromHttp } from './proxy.ts';
export type { Proxy } from './proxy.ts';
export { missingBlocks, payloadsMax, quickTimes, readMissing } from './quick-block.ts';
export type { QuickTimes } from './quick-block.ts';
export { replayWindow } from './replay-window.ts';
export { echoing, provingAddress } from './proof-of-address.ts';
export { coapTcpClient, coapTcpLimits, serveCoapTcp } from './stream.ts';
export type { ServeCoapTcpOptions } from './stream.ts';
export { encodeStreamMessage, streamReader } from './stream-message.ts';
export type { StreamMessage } from './stream-message.ts';
export { exchangeLifetimeMs, maxTransmitSpanMs, transmissionDefaults } from './transmission.ts';
export type { Transmission } from './transmission.ts';
export { addressText, udpClient, udpServer } from './udp.ts';
export type { Group, Udp } from './udp.ts';
export { udpGroup, udpGroupSender } from './udp-group.ts';
export { waitByObserving } from './wait-by-observing.ts';
export type { WaitByObservingOptions } from './wait-by-observing.ts';
