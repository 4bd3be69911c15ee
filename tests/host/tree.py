"""The files of a source tree, for tests about the tree itself: without what a build or an editor left there."""

import os


def is_left_over(name):
    return name.startswith(".") or name.endswith(("~", ".pyc")) or name == "__pycache__"


def source_files(root):
    """All paths below root, relative to it, sorted; build folders are build and build-ANYTHING."""
    found = []
    for folder, subfolders, names in os.walk(root):
        at_top = folder == root
        subfolders[:] = [
            s for s in subfolders if not is_left_over(s) and not (at_top and s.split("-")[0] == "build")
        ]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names if not is_left_over(n)]
    return sorted(found)


def write_tree(root, files):
    """Makes a small tree out of {path: text}."""
    for path, text in files.items():
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
