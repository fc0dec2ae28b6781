export { readProtocol, shippedProtocols } from './protocol-files.ts'
