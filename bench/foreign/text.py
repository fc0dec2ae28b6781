# Trains a small encoder in the manner of BERT on some domains of CLINC150 with PyTorch, and writes the folder that
# transformers.js reads: config.json, tokenizer.json, tokenizer_config.json, onnx/model.onnx.
#   /usr/bin/python3 bench/foreign/text.py CLINC150 OUT --domains banking,travel,... [--epochs 8]
import argparse
import collections
import json
import os
import re

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument('data')
parser.add_argument('out')
parser.add_argument('--domains', required=True)
parser.add_argument('--epochs', type=int, default=8)
args = parser.parse_args()
torch.manual_seed(1)
torch.set_num_threads(1)
LENGTH, WIDTH, HEADS, LAYERS = 32, 128, 4, 2

domains = json.load(open(f'{args.data}/domains.json'))
labels = sorted(label for domain in args.domains.split(',') for label in domains[domain])
rows = [json.loads(line) for line in open(f'{args.data}/train.jsonl')]
rows = [row for row in rows if row['label'] in labels]


# What tokenizer.json says below: lower case, words and punctuation apart, the longest pieces that the vocabulary has.
def split(text):
    return re.findall(r'[^\W_]+|[^\w\s]|_', text.lower())


counts = collections.Counter(word for row in rows for word in split(row['text']))
letters = sorted({letter for word in counts for letter in word})
pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] + letters + ['##' + letter for letter in letters]
pieces += [word for word, count in sorted(counts.items()) if count >= 2 and word not in letters]
vocabulary = {piece: place for place, piece in enumerate(pieces)}


def ids_of(text):
    ids = [vocabulary['[CLS]']]
    for word in split(text):
        found, begin = [], 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                piece = ('##' if begin else '') + word[begin:end]
                if piece in vocabulary:
                    break
            else:
                found = [vocabulary['[UNK]']]
                break
            found.append(vocabulary[piece])
            begin = end
        ids += found
    return ids[: LENGTH - 1] + [vocabulary['[SEP]']]


def batch_of(texts):
    ids = torch.zeros(len(texts), LENGTH, dtype=torch.long)
    for place, text in enumerate(texts):
        row = ids_of(text)
        ids[place, : len(row)] = torch.tensor(row)
    return ids, (ids != 0).long()


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.drop = nn.Dropout(0.1)

    def forward(self, x, blocked):
        batch, length, _ = x.shape
        q, k, v = (f(x).view(batch, length, HEADS, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        weights = (q @ k.transpose(2, 3) / (WIDTH // HEADS) ** 0.5 + blocked).softmax(3)
        x = self.norm1(x + self.drop(self.out((weights @ v).transpose(1, 2).reshape(batch, length, WIDTH))))
        return self.norm2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings, self.token_type_embeddings = nn.Embedding(len(vocabulary), WIDTH), nn.Embedding(2, WIDTH)
        self.position_embeddings = nn.Embedding(LENGTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.pooler = nn.Linear(WIDTH, WIDTH)
        self.classifier = nn.Linear(WIDTH, len(labels))

    def forward(self, input_ids, attention_mask, token_type_ids):
        places = torch.arange(input_ids.shape[1])
        x = self.norm(self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids) + self.position_embeddings(places))
        blocked = (1 - attention_mask[:, None, None].float()) * -10000
        for layer in self.layers:
            x = layer(x, blocked)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


def settings(model):
    return {
        'architectures': ['BertForSequenceClassification'],
        'model_type': 'bert',
        'hidden_size': WIDTH,
        'num_attention_heads': HEADS,
        'num_hidden_layers': LAYERS,
        'intermediate_size': 4 * WIDTH,
        'max_position_embeddings': LENGTH,
        'vocab_size': len(vocabulary),
        'pad_token_id': 0,
        'id2label': {str(place): label for place, label in enumerate(labels)},
        'label2id': {label: place for place, label in enumerate(labels)},
    }


def tokenizer():
    special = [
        {'id': place, 'content': piece, 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': True}
        for place, piece in enumerate(pieces[:5])
    ]
    sides = [{'SpecialToken': {'id': '[CLS]', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}]
    single = sides + [{'SpecialToken': {'id': '[SEP]', 'type_id': 0}}]
    pair = single + [{'Sequence': {'id': 'B', 'type_id': 1}}, {'SpecialToken': {'id': '[SEP]', 'type_id': 1}}]
    return {
        'version': '1.0',
        'truncation': None,
        'padding': None,
        'added_tokens': special,
        'normalizer': {'type': 'BertNormalizer', 'clean_text': True, 'handle_chinese_chars': True, 'strip_accents': None, 'lowercase': True},
        'pre_tokenizer': {'type': 'BertPreTokenizer'},
        'post_processor': {
            'type': 'TemplateProcessing',
            'single': single,
            'pair': pair,
            'special_tokens': {
                piece: {'id': piece, 'ids': [vocabulary[piece]], 'tokens': [piece]} for piece in ('[CLS]', '[SEP]')
            },
        },
        'decoder': {'type': 'WordPiece', 'prefix': '##', 'cleanup': True},
        'model': {
            'type': 'WordPiece',
            'unk_token': '[UNK]',
            'continuing_subword_prefix': '##',
            'max_input_chars_per_word': 100,
            'vocab': vocabulary,
        },
    }


model = Encoder()
ids, mask = batch_of([row['text'] for row in rows])
wanted = torch.tensor([labels.index(row['label']) for row in rows])
optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
steps = args.epochs * (len(rows) // 32)
rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, steps, pct_start=0.1)
for epoch in range(args.epochs):
    for chosen in torch.randperm(len(rows))[: len(rows) // 32 * 32].split(32):
        # Rows are no longer than the longest of the batch.
        length = int(mask[chosen].sum(1).max())
        batch = ids[chosen, :length]
        loss = nn.functional.cross_entropy(model(batch, mask[chosen, :length], torch.zeros_like(batch)), wanted[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    print(f'pass {epoch + 1}: loss {loss.item():.3f}', flush=True)
model.eval()
os.makedirs(f'{args.out}/onnx', exist_ok=True)
names = ['input_ids', 'attention_mask', 'token_type_ids']
torch.onnx.export(
    model,
    (ids[:2, :8], mask[:2, :8], torch.zeros_like(ids[:2, :8])),
    f'{args.out}/onnx/model.onnx',
    input_names=names,
    output_names=['logits'],
    dynamic_axes={**{name: {0: 'batch_size', 1: 'sequence_length'} for name in names}, 'logits': {0: 'batch_size'}},
    opset_version=14,
)
for name, content in {
    'config.json': settings(model),
    'tokenizer.json': tokenizer(),
    'tokenizer_config.json': {'tokenizer_class': 'BertTokenizer', 'do_lower_case': True, 'model_max_length': LENGTH},
}.items():
    with open(f'{args.out}/{name}', 'w') as file:
        json.dump(content, file, indent=1)
