# media/
