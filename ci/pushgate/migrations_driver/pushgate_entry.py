"""The program that is started: it ends quietly at Ctrl-C, and with the process that it is for.

Its only argument is the number of that process. All else is told to `pushgate_migrations`.
"""

import os
import signal
import sys
import threading
import time

_MOMENT_SECONDS = 0.2


def _end_with(parent):
    # Whoever was killed with SIGKILL has not ended this one: it must not go on for nobody.
    while os.getppid() == parent:
        time.sleep(_MOMENT_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=[int(sys.argv[1])], daemon=True).start()
    # In the middle of an import, an interrupt would be nothing but a long traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pushgate_migrations import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
