# Reads images with PIL and numpy into one array [N, 3, H, W] of uint8, and prints how long it took, imports left out.
#   python3 bench/reference/reading.py SOURCE [--fit SIZE] [--out pixels.raw]
# SOURCE is a folder <class>/*, or a file of images one after another, each with its length before it (four bytes, little-endian).
# --fit covers SIZE x SIZE and crops the middle, by Lanczos' filter.
import argparse
import io
import json
import os
import struct
import time

import numpy as np
from PIL import Image, ImageOps

parser = argparse.ArgumentParser()
parser.add_argument('source')
parser.add_argument('--fit', type=int)
parser.add_argument('--out')
args = parser.parse_args()


def packed():
    with open(args.source, 'rb') as file:
        data = file.read()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from('<I', data, at)
        yield io.BytesIO(data[at + 4 : at + 4 + length])
        at += 4 + length


def listed():
    for name in sorted(os.listdir(args.source)):
        for file in sorted(os.listdir(f'{args.source}/{name}')):
            yield f'{args.source}/{name}/{file}'


def pixels(source):
    image = Image.open(source).convert('RGB')
    return np.asarray(ImageOps.fit(image, (args.fit, args.fit), Image.Resampling.LANCZOS) if args.fit else image)


wall, processor = time.perf_counter(), time.process_time()
rows = np.stack([pixels(source) for source in (listed() if os.path.isdir(args.source) else packed())])
rows = np.ascontiguousarray(rows.transpose(0, 3, 1, 2))
seconds = {'wall': time.perf_counter() - wall, 'processor': time.process_time() - processor}
if args.out:
    rows.tofile(args.out)
print(json.dumps({'rows': len(rows), **seconds}))
