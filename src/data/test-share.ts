/** The share of the samples, or documents, that is held out where data have no test part. */
export const defaultTestShare = 0.2
