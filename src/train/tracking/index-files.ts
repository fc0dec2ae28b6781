export { tensorBoard } from './tensorboard-files.ts'
