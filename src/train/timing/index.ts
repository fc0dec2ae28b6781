export { type StepTime, stepTime, timedStep } from './step-time.ts'
