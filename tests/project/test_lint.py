"""The linter refuses what may execute what it reads; every rule is shown to bite."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

REFUSED = """\
import pickle
from pickle import loads
import marshal as m
import shelve
import cloudpickle
import joblib
import yaml
import ctypes
import socket
import urllib.request
from multiprocessing import shared_memory
from distributed import Client
def f(x): return eval(x)
exec('1')
import os; os.system('ls')
from os import system as s; s('ls')
os.popen('ls')
import subprocess; subprocess.run('ls', shell=True)
import torch; torch.load(x)
import torch as t; t.load(x, weights_only=True)
from torch import load; load(x)
torch.save(x)
torch.jit.load(x)
import numpy as np; np.load(x, allow_pickle=True)
np.save(x)
import pandas; pandas.read_pickle(x)
"""
ALLOWED = """\
model.eval()
re.compile("x")
kernel.compile(arguments)
tensor.save(x)
json.loads(x)
"""


def refused_lines(code: str) -> set[int]:
    """Which lines of a file of the library are refused for what they may execute."""
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "json", "--no-cache"]
    done = subprocess.run(
        [*command, "--stdin-filename", "src/resqunn/planted.py", "-"],
        input=code, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert {finding["code"] for finding in found} >= {"D100"}, done.stderr  # it was read
    return {
        finding["location"]["row"] for finding in found if finding["code"].startswith(("S", "TID"))
    }


def test_what_no_file_may_do_is_refused() -> None:
    assert refused_lines(REFUSED) == set(range(1, 1 + len(REFUSED.splitlines())))
    assert refused_lines(ALLOWED) == set()
