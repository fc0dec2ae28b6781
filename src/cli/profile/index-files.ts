export { openProfile } from './open-profile-files.ts'
export { joinProfile } from './profile-node.ts'
export { timesLine } from './times-line.ts'
