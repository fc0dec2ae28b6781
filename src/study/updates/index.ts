export {
  UPDATES,
  type UpdateAnswer,
  type UpdateJob,
  updateIdentity,
  updateJobSchema,
} from './update-job.ts'
