export { type FineTuned, type FineTuneOptions, fineTune } from './fine-tune.ts'
export { openPastReader, pastOf, updateTasks } from './past.ts'
export {
  type Adapters,
  TIMED_STEPS,
  type Trained,
  type TrialOptions,
  timeTrial,
  train,
  trainedModel,
  warmUpSteps,
} from './trial.ts'
export { type Protection, protections, trialMethod } from './trial-method.ts'
export { type ChosenMethod, chooseMethod, parseUpdateMethod, takesAllOldRows } from './update-method.ts'
