export type { Protocol, ProtocolOverrides } from './protocol.ts'
export { checkOptionsUsed, protocolPlan, trainsJointly } from './protocol-plan.ts'
export { type QuickstartPart, quickstartParts } from './quickstart.ts'
