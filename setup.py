"""The wheel also carries gunicorn.conf.py, whose name is no module's."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSettings(build_py):
    def run(self) -> None:
        super().run()
        shutil.copy("gunicorn.conf.py", Path(self.build_lib))


setup(cmdclass={"build_py": BuildWithSettings})
