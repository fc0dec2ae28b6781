export {
  checkReads,
  contentOf,
  fromStore,
  RESULT_PLACE,
  readAnswer,
  updateInStore,
} from './update-files.ts'
