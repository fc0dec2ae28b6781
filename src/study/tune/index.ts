export {
  firstTrials,
  secondTrials,
  type Trial,
  type Tried,
  type TuneGrid,
  tunedPlans,
  tunings,
} from './tune.ts'
