/** What files of images are called, and so which formats are read. */
export const imageExtensions = [
  'jpg',
  'jpeg',
  'jpe',
  'jfif',
  'png',
  'webp',
  'gif',
  'tif',
  'tiff',
  'avif',
  'bmp',
  'dib',
  'ppm',
  'pgm',
  'pbm',
  'pnm',
] as const

const pattern = new RegExp(`\\.(${imageExtensions.join('|')})$`, 'i')

export const isImageName = (name: string): boolean => pattern.test(name)

/** The formats in words. */
export const imageFormats = 'JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM'

/** What file systems and archives of some machines leave among files, without anybody having put it there. */
export const isLitter = (name: string): boolean =>
  name.startsWith('.') ||
  /^(thumbs\.db|desktop\.ini|icon\r|__macosx|@eadir|\$recycle\.bin|system volume information|lost\+found)$/i.test(
    name,
  )
