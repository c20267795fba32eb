import subprocess


def pack(folder):
    subprocess.run(f"tar -cf archive.tar {folder}", shell=True, check=True)
