"""`make bench`: claims about speed and memory, measured.

All sides of a ratio run in turn, in one run, on the same input, on one thread each.

    cases        what is measured against what
    measure      turns, times, ratios
    codecs       the cases of many kinds of files
    agreement    how far the results are the same
    material     the inputs, real faces and a real film, made once and kept
    reference    face_recognition, as its own video example uses it
    openblas     a second build of dlib, in an `interpreter` of its own that runs `serve` and does `jobs`
    memory       what a worker process takes, told by `probe` inside of one
    machine      what the machine can do at best; `operations` counts what a network must do
    table, plot  for people; `command` is what runs
"""
