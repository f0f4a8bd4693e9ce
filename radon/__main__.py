"""`python -m radon`: the command line, where its script is not on the path."""

from radon.cli import main

if __name__ == "__main__":
    main()
