export { delivered } from './exchange-files.ts'
export { deliverRound, endRound, type RunRound, roundsIn } from './rounds-files.ts'
