export { type ClosedFormKind, closedForms, closedFormTrial, type Summed, summedRows } from './closed-form.ts'
export {
  type FineTuned,
  type FineTuneOptions,
  fineTune,
  type TaskTraining,
  timeSteps,
  trainTask,
} from './fine-tune.ts'
export { trainNormed } from './normed-trial.ts'
export { openPastReader, pastOf, updateTasks } from './past.ts'
export { ladderFor, partOf, type Rung, type RungName, rungNames } from './rungs.ts'
export {
  type Adapters,
  type Beginning,
  TIMED_STEPS,
  type Trained,
  type TrialOptions,
  timeTrial,
  train,
  trainedModel,
  warmUpSteps,
} from './trial.ts'
export { type Protection, trialMethod } from './trial-method.ts'
export { openTrunk, readsFeatures, type Trunk } from './trunk.ts'
export { type ChosenMethod, chooseMethod, parseUpdateMethod, takesAllOldRows } from './update-method.ts'
