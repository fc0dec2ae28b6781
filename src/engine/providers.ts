import type { Device } from './engine.ts'

/** Providers of the runtime that train, beside that of the CPU. */
export const accelerators = ['webgpu', 'cuda'] as const
export const providers = ['cpu', ...accelerators] as const
export type Provider = (typeof providers)[number]

/** The part of a device's name that is no CPU: the provider of the runtime. */
export const providerOf = (device: Device): Provider =>
  device === 'webgpu+cpu' ? 'webgpu' : device === 'cuda+cpu' ? 'cuda' : device
