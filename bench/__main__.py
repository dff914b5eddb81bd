"""`make bench`, or `python -m bench [CASE …] [--rounds N]`, or `python -m bench --list`."""

from bench import threads

# Before any library that would start threads of its own is loaded.
threads.limit()

from bench.command import main

if __name__ == "__main__":
    main()
