"""`make demo`: the main job on photographs and a film whose truth is known. The tests use its material and its film."""
