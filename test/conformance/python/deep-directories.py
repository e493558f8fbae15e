"""A hundred thousand directories, each in the one before."""
import os

from check import directory

os.chdir(directory)
depth = 100_000
for level in range(depth):
    os.mkdir("x")
    os.chdir("x")
open("bottom", "w").write("here")
assert open("bottom").read() == "here"
os.unlink("bottom")
for level in range(depth):
    os.chdir("..")
    os.rmdir("x")
assert os.listdir(directory) == []
