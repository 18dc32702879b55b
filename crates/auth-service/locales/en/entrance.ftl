# entrance
