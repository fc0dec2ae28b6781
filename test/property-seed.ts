import fc from 'fast-check'

// The same cases in each run, so that a change is what makes a test fail. Others are searched with PROPERTY_SEED=random, or replayed
// with the seed that a failure names.
const seed = process.env.PROPERTY_SEED
if (seed !== 'random') fc.configureGlobal({ seed: seed === undefined ? 20 : Number(seed) })
