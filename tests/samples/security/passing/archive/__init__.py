import subprocess


def pack(folder):
    subprocess.run(["tar", "-cf", "archive.tar", folder], check=True)
