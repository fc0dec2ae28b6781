export { type StepTime, type StepTimeOptions, stepTime, timedStep } from './step-time.ts'
