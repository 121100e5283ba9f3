"""What Ray's `up`, `submit`, `exec`, `rsync-down` and `down` do on machines of one's own.

A cluster file names it:

    provider: {type: external, module: raykd.cluster.ssh.provider.MachinesBySSH, head_ip: ..., worker_ips: [...]}

Ray's own provider for such machines (`type: local`) wants a user's name in the file, keeps its state where users of one
machine meet (`/tmp/ray/cluster-NAME.lock`), tries for half an hour to log in where nobody listens, and finds `python`
only where `~/.bashrc` was changed. This one logs in as whoever calls it, has places of its own, looks first, and gives
each command its environment. On a machine all lies in `~/.raykd` and in `/tmp/raykd-USER_ID`, beside two files whose
names Ray chooses, `~/ray_bootstrap_config.yaml` and `~/ray_bootstrap_key.pem`; `launch/clusters/remove.py` removes it.

It imports neither PyTorch nor what trains, since each `ray` command imports it.
"""
