/** A file of a public data set. */
export interface CatalogueFile {
  /** Its name in the data set's folder; there it may also lie unpacked, without `.gz`. */
  readonly name: string
  /** Where it can be fetched, best first. */
  readonly urls: readonly string[]
  /** Size of the unpacked content in bytes. */
  readonly bytes: number
  /** Of the unpacked content: mirrors pack differently. */
  readonly sha256: string
}

/** A data set known by name. */
export interface CatalogueEntry {
  /** As typed: the name of its folder. */
  readonly name: string
  /** As shown. */
  readonly title: string
  readonly description: string
  /** Its home page. */
  readonly home: string
  /** Empty for a data set that has to be brought: then its folder is loaded as it is. */
  readonly files: readonly CatalogueFile[]
}

const mnistMirrors = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
]

function mnistFile(name: string, bytes: number, sha256: string): CatalogueFile {
  return { name, urls: mnistMirrors.map((mirror) => mirror + name), bytes, sha256 }
}

/** The data sets known by name. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: 'mnist',
    title: 'MNIST',
    description:
      'Handwritten digits, 28 x 28 grey: 60,000 for training, 10,000 for testing (LeCun, Cortes & Burges 1998)',
    home: 'http://yann.lecun.com/exdb/mnist/',
    files: [
      mnistFile(
        'train-images-idx3-ubyte.gz',
        47_040_016,
        'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      ),
      mnistFile(
        'train-labels-idx1-ubyte.gz',
        60_008,
        '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      ),
      mnistFile(
        't10k-images-idx3-ubyte.gz',
        7_840_016,
        '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      ),
      mnistFile(
        't10k-labels-idx1-ubyte.gz',
        10_008,
        'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
      ),
    ],
  },
  {
    name: 'clinc150',
    title: 'CLINC150',
    description:
      'Requests in 150 intents of ten domains: 15,000 for training, 3,000 and 4,500 for testing (Larson et al. 2019, CC BY 3.0)',
    home: 'https://github.com/clinc/oos-eval',
    files: [],
  },
  {
    name: 'cifar10',
    title: 'CIFAR-10',
    description:
      'Photographs in ten classes, 32 x 32: 50,000 for training, 10,000 for testing (Krizhevsky 2009), as Hugging Face lays them out',
    home: 'https://huggingface.co/datasets/uoft-cs/cifar10',
    files: [],
  },
]
