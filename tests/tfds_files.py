"""Data prepared as tensorflow-datasets prepares it, without TensorFlow."""

import io
import json
import struct
import warnings

from PIL import Image


def _png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    file.seek(0)
    return file


def prepare(place, name, arrays):
    """Lets TFDS write `arrays` (as IDX files hold them) as array_record; returns the folder."""
    base, _, config = name.partition("/")
    train_images, train_labels, test_images, test_labels = arrays
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core import registered

        tfds.disable_progress_bar()
        original = tfds.builder_cls(base)

        def generate(images, labels):
            for i, (image, label) in enumerate(zip(images, labels, strict=True)):
                yield i, {"image": _png(image), "label": int(label)}

        def split_generators(self, manager):
            return {
                "train": generate(train_images, train_labels),
                "test": generate(test_images, test_labels),
            }

        body = {"name": base, "_split_generators": split_generators, "__module__": __name__}
        with registered.skip_registration():
            builder_class = type("Small", (original,), body)
        builder = builder_class(
            data_dir=place, file_format="array_record", **({"config": config} if config else {})
        )
        builder.download_and_prepare()
    return next((place / name).glob("*.*.*"))


def prepare_own(place, features, keys=None, **splits):
    """Lets TFDS write a user's own examples; returns the folder.

    Args:
      place: where.
      features: makes name -> feature of `tensorflow_datasets.features`.
      keys: the supervised ones.
      splits: name -> examples.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core import registered

        tfds.disable_progress_bar()

        def info(self):
            known = tfds.features.FeaturesDict(features(tfds.features))
            return tfds.core.DatasetInfo(builder=self, features=known, supervised_keys=keys)

        def split_generators(self, manager):
            return {name: iter(enumerate(examples)) for name, examples in splits.items()}

        body = {
            "VERSION": tfds.core.Version("1.0.0"),
            "name": "own",
            "_info": info,
            "_split_generators": split_generators,
            "_generate_examples": lambda self: (),
            "pkg_dir_path": place,
            "__module__": __name__,
        }
        with registered.skip_registration():
            builder_class = type("Own", (tfds.core.GeneratorBasedBuilder,), body)
        builder_class(data_dir=place, file_format="array_record").download_and_prepare()
    return place / "own" / "1.0.0"


def to_tfrecord(directory):
    """Rewrites prepared data in the other file format, as TensorFlow's users have it."""
    from array_record.python.array_record_module import ArrayRecordReader

    for path in directory.glob("*.array_record-*"):
        reader = ArrayRecordReader(str(path))
        records = reader.read_all()
        reader.close()
        path.unlink()
        path.with_name(path.name.replace("array_record", "tfrecord")).write_bytes(
            b"".join(struct.pack("<QI", len(r), 0) + r + bytes(4) for r in records)
        )
    info = directory / "dataset_info.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"fileFormat": "tfrecord"}))
