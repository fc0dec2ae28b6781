export { redisAddress, shownAddress, withoutPasswords } from './address.ts'
export { EXCHANGE, exchangeFolder, queueName } from './jobs.ts'
