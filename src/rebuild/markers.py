"""Evaluates environment markers in the interpreter that installs.

In, on standard input: a list of markers. Out: a list of true and false; null where no
library is there to tell.
"""

import json
import sys

try:
    from packaging.markers import Marker
except ImportError:
    try:
        from pip._vendor.packaging.markers import Marker
    except ImportError:
        try:
            from setuptools._vendor.packaging.markers import Marker
        except ImportError:
            print("null")
            sys.exit()

print(json.dumps([Marker(text).evaluate({"extra": ""}) for text in json.load(sys.stdin)]))
