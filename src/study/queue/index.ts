export { redisAddress, shownAddress, withoutPasswords } from './address.ts'
export { queueName } from './jobs.ts'
