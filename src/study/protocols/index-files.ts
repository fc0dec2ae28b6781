export { type ProtocolFile, readProtocol, shippedProtocols } from './protocol-files.ts'
