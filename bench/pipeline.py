"""The two Python pipelines that `npm run bench -- pipeline` sets beside curate, on the same photos and weights.

    python pipeline.py serial|batched FOLDER COUNT MODEL.onnx CATALOGUE.json

serial   the article's way: one photo at a time, decoded in full, the runtime on all cores, an insert per photo.
batched  what one would write to make Python fast: a process per core, Pillow's draft decoding at a reduced DCT scale,
         two threads decoding ahead, batches of four on a one-thread session, inserts in batches.

Both write the vectors to Milvus Lite. Prints one line of JSON; the imports and the opening of the store do not count.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

BATCH, INSERT_BATCH = 4, 64


def load(file: Path, spec: dict, draft: bool) -> np.ndarray:
    short, side = spec["resizeShortSide"], spec["size"]
    image = Image.open(file)
    if draft:
        image.draft("RGB", (2 * short, 2 * short))
    image = ImageOps.exif_transpose(image).convert("RGB")
    width, height = image.size
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    left, top = (round((length - side) / 2) for length in size)
    crop = image.resize(size, Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
    levels = np.asarray(crop, np.float32) / np.float32(spec["scale"])
    return ((levels - np.float32(spec["mean"])) / np.float32(spec["std"])).transpose(2, 0, 1)


def open_session(model: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def embed(session: onnxruntime.InferenceSession, spec: dict, inputs: list[np.ndarray]) -> np.ndarray:
    (features,) = session.run(None, {spec["name"]: np.stack(inputs)})
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def open_store(folder: str, dim: int):
    from pymilvus import MilvusClient

    client = MilvusClient(str(Path(folder) / "vectors.db"))
    client.create_collection("photos", dimension=dim, metric_type="IP", consistency_level="Strong")
    return client


def insert(store, first: int, vectors: np.ndarray) -> None:
    store.insert("photos", [{"id": first + i, "vector": vector.tolist()} for i, vector in enumerate(vectors)])


def serial(files: list[Path], model: str, spec: dict, dim: int) -> float:
    session = open_session(model, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder, dim)
        started = time.perf_counter()
        for number, file in enumerate(files):
            insert(store, number, embed(session, spec, [load(file, spec, False)]))
        return time.perf_counter() - started


def embed_share(files: list[Path], model: str, spec: dict, ready, go, results) -> None:
    session = open_session(model, 1)
    ready.release()
    go.wait()
    with ThreadPoolExecutor(2) as pool:
        # `map` submits everything; the files are small beside what they decode to, so feed it batch by batch.
        ahead = [pool.submit(load, file, spec, True) for file in files[: 2 * BATCH]]
        for start in range(0, len(files), BATCH):
            inputs = [future.result() for future in ahead[:BATCH]]
            del ahead[:BATCH]
            following = files[start + 2 * BATCH : start + 3 * BATCH]
            ahead += [pool.submit(load, file, spec, True) for file in following]
            results.put(embed(session, spec, inputs))
    results.put(None)


def batched(files: list[Path], model: str, spec: dict, dim: int) -> float:
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    ready, go, results = context.Semaphore(0), context.Event(), context.Queue()
    workers = [
        context.Process(target=embed_share, args=(files[core::cores], model, spec, ready, go, results))
        for core in range(cores)
    ]
    for worker in workers:
        worker.start()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder, dim)
        for _ in workers:
            ready.acquire()
        started = time.perf_counter()
        go.set()
        running, number, waiting = cores, 0, []
        while running > 0:
            vectors = results.get()
            if vectors is None:
                running -= 1
            else:
                waiting.extend(vectors)
            if waiting and (running == 0 or len(waiting) >= INSERT_BATCH):
                insert(store, number, np.stack(waiting))
                number, waiting = number + len(waiting), []
        seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
    return seconds


def main() -> None:
    way, folder, count, model, catalogue = sys.argv[1:]
    files = sorted(Path(folder).iterdir())[: int(count)]
    entries = json.loads(Path(catalogue).read_text())["models"]
    entry = next(entry for entry in entries if entry["file"] == Path(model).name)
    seconds = {"serial": serial, "batched": batched}[way](files, model, entry["input"], entry["dim"])
    print(json.dumps({"photos": len(files), "seconds": seconds, "photosPerSecond": len(files) / seconds}))


if __name__ == "__main__":
    main()
