"""What runs tonight: intake, planning, dispatch, recovery. Sends tasks by name; loads no network and no decoder."""
