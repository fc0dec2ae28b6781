export { augment, inStoredType } from './fragment.ts'
export { type Augmentation, augmentationOf } from './request.ts'
export { stepDraws } from './step-draws.ts'
export { augmentedViews, type ViewOptions } from './views.ts'
