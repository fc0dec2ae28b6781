export type { AnswerProbe, ChoiceProbe, Probe, ProbeSet } from './probe.ts'
