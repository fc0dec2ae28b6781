export {
  checkOptionsUsed,
  type Protocol,
  type ProtocolOverrides,
  protocolNamed,
  protocolPlan,
  protocols,
} from './protocols.ts'
export { type QuickstartPart, quickstartParts } from './quickstart.ts'
